"""What a decision moves and asks, as the settings say."""

from components.release.canary import World, wait_until_serves
from components.release.parity import parity_through
from components.release.router import EnvoyRouter
from components.settings import Settings


def world_of_settings() -> World:
    """The gateway's router, readiness and parity through it, and the clock."""
    settings = Settings()
    router = EnvoyRouter(settings.gateway, settings.gateway_admin_url)
    return World(router, wait_until_serves(settings.gateway_url), parity_through(settings.gateway_url))
