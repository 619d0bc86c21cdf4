"""The kinds of items that the embedded marketplace sells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of item: its names, uses, attributes and related kinds."""

    name: str  # the category shown
    words: tuple[str, ...]  # synonyms that titles and queries use
    uses: tuple[str, ...]  # what shoppers say instead of the name
    varies: dict[str, tuple[str, ...]]  # attribute -> values
    brands: tuple[str, ...]
    price: tuple[float, float]
    parts: tuple[str, ...] = ()  # accessories sold for it
    near: tuple[str, ...] = ()  # kinds that serve a similar use
    with_it: tuple[str, ...] = ()  # kinds used together with it


COLORS = ("black", "white", "red", "navy blue", "olive green", "grey")
SPORT = ("Velora", "Kestrel", "Northpeak", "Stridon", "Apexa")
TECH = ("Zentro", "Lumicore", "Pixaro", "Orvex", "Halden")
HOME = ("Casalia", "Brevik", "Domaro", "Hearthline", "Ellwood")
TOOLS = ("Torqwell", "Ironvale", "Maktor", "Redstone", "Boltra")

KINDS = (
    Kind(
        "Running Shoes",
        ("running shoes", "joggers", "road runners"),
        ("shoes for a marathon", "footwear for jogging"),
        {"color": COLORS, "size": ("8", "9", "10", "11"), "material": ("mesh", "knit", "leather")},
        SPORT,
        (45, 180),
        ("insoles", "laces"),
        ("Hiking Boots",),
        ("Sports Socks",),
    ),
    Kind(
        "Hiking Boots",
        ("hiking boots", "trekking boots", "trail boots"),
        ("boots for mountain trails", "shoes for muddy walks"),
        {"color": COLORS, "size": ("8", "9", "10", "11"), "material": ("leather", "suede", "synthetic")},
        SPORT,
        (70, 240),
        ("laces", "insoles"),
        ("Running Shoes",),
        ("Sports Socks",),
    ),
    Kind(
        "Sports Socks",
        ("sports socks", "athletic socks", "crew socks"),
        ("socks for the gym", "socks that wick sweat"),
        {"color": COLORS, "size": ("small", "medium", "large"), "material": ("cotton", "merino wool", "polyester")},
        SPORT,
        (6, 30),
    ),
    Kind(
        "Backpacks",
        ("backpack", "rucksack", "daypack"),
        ("bag for school books", "bag for a weekend hike"),
        {"color": COLORS, "capacity": ("15 l", "25 l", "40 l"), "material": ("nylon", "canvas", "leather")},
        SPORT,
        (25, 160),
        ("rain cover", "chest strap"),
        ("Messenger Bags",),
    ),
    Kind(
        "Messenger Bags",
        ("messenger bag", "courier bag", "shoulder bag"),
        ("bag for a laptop at work",),
        {"color": COLORS, "capacity": ("8 l", "12 l", "18 l"), "material": ("nylon", "canvas", "leather")},
        SPORT,
        (30, 150),
        ("shoulder pad",),
        ("Backpacks",),
    ),
    Kind(
        "Headphones",
        ("headphones", "over ear headset", "cans"),
        ("something to listen to music on a plane",),
        {"color": COLORS, "connection": ("bluetooth", "wired"), "feature": ("noise cancelling", "open back")},
        TECH,
        (30, 350),
        ("ear pads", "carry case"),
        ("Earbuds",),
    ),
    Kind(
        "Earbuds",
        ("earbuds", "in ear headphones", "ear pods"),
        ("music while running",),
        {"color": COLORS, "connection": ("bluetooth", "wired"), "feature": ("noise cancelling", "waterproof")},
        TECH,
        (15, 220),
        ("silicone tips", "charging case"),
        ("Headphones",),
    ),
    Kind(
        "Smartphones",
        ("smartphone", "mobile phone", "cell phone"),
        ("phone with a good camera",),
        {"color": COLORS, "storage": ("64 gb", "128 gb", "256 gb"), "feature": ("dual sim", "5g")},
        TECH,
        (120, 1100),
        ("case", "screen protector", "charger"),
        ("Tablets",),
        ("Earbuds",),
    ),
    Kind(
        "Tablets",
        ("tablet", "tablet computer", "slate"),
        ("screen for reading in bed", "device for drawing"),
        {"color": COLORS, "storage": ("64 gb", "128 gb", "256 gb"), "display": ("8 inch", "10 inch", "12 inch")},
        TECH,
        (90, 900),
        ("case", "stylus", "screen protector"),
        ("Smartphones",),
    ),
    Kind(
        "Monitors",
        ("monitor", "computer display", "pc screen"),
        ("second screen for the home office",),
        {
            "display": ("24 inch", "27 inch", "32 inch"),
            "resolution": ("full hd", "4k", "qhd"),
            "color": ("black", "white"),
        },
        TECH,
        (90, 700),
        ("wall mount", "hdmi cable"),
        ("Televisions",),
    ),
    Kind(
        "Televisions",
        ("television", "smart tv", "flat screen tv"),
        ("big screen for movie night",),
        {
            "display": ("43 inch", "55 inch", "65 inch"),
            "resolution": ("full hd", "4k", "8k"),
            "color": ("black", "grey"),
        },
        TECH,
        (200, 1800),
        ("wall mount", "remote control"),
        ("Monitors",),
    ),
    Kind(
        "Coffee Machines",
        ("coffee machine", "coffee maker", "espresso maker"),
        ("something that makes cappuccino",),
        {
            "color": ("black", "white", "red", "steel"),
            "capacity": ("1 l", "1.5 l", "2 l"),
            "type": ("drip", "pod", "pump"),
        },
        HOME,
        (35, 600),
        ("descaler", "filter papers", "milk frother"),
        ("Kettles",),
        ("Mugs",),
    ),
    Kind(
        "Kettles",
        ("kettle", "water boiler", "electric kettle"),
        ("boil water for tea",),
        {
            "color": ("black", "white", "red", "steel"),
            "capacity": ("1 l", "1.5 l", "2 l"),
            "material": ("glass", "steel", "plastic"),
        },
        HOME,
        (18, 110),
        ("descaler",),
        ("Coffee Machines",),
        ("Mugs",),
    ),
    Kind(
        "Mugs",
        ("mug", "coffee cup", "tea cup"),
        ("cups for the office kitchen",),
        {"color": COLORS, "capacity": ("250 ml", "350 ml", "500 ml"), "material": ("porcelain", "glass", "steel")},
        HOME,
        (5, 35),
    ),
    Kind(
        "Desk Lamps",
        ("desk lamp", "table light", "reading lamp"),
        ("light for studying at night",),
        {"color": ("black", "white", "brass"), "bulb": ("led", "halogen"), "feature": ("dimmable", "usb port")},
        HOME,
        (15, 140),
        ("spare bulb", "clamp"),
        ("Floor Lamps",),
    ),
    Kind(
        "Floor Lamps",
        ("floor lamp", "standing lamp", "torchiere"),
        ("light for a dark corner",),
        {"color": ("black", "white", "brass"), "bulb": ("led", "halogen"), "feature": ("dimmable", "foot switch")},
        HOME,
        (35, 260),
        ("spare bulb", "lamp shade"),
        ("Desk Lamps",),
    ),
    Kind(
        "Cordless Drills",
        ("cordless drill", "battery drill", "drill driver"),
        ("tool to hang shelves",),
        {"voltage": ("12 v", "18 v", "20 v"), "feature": ("brushless", "hammer"), "color": ("black", "red", "yellow")},
        TOOLS,
        (40, 280),
        ("battery", "drill bits", "charger"),
        ("Impact Drivers",),
    ),
    Kind(
        "Impact Drivers",
        ("impact driver", "impact screwdriver", "screw gun"),
        ("tool for long deck screws",),
        {"voltage": ("12 v", "18 v", "20 v"), "feature": ("brushless", "compact"), "color": ("black", "red", "yellow")},
        TOOLS,
        (50, 260),
        ("battery", "driver bits", "charger"),
        ("Cordless Drills",),
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
