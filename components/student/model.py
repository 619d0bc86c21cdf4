"""The student's two architectures by name, and a new student with a pretrained encoder."""

from torch import nn

from components.student.config import LrkdConfig
from components.student.cross_encoder import CrossEncoderStudent
from components.student.encoder import freeze_lower_layers, load_encoder
from components.student.late_interaction import LateInteractionStudent

ARCHITECTURES = {"cross_encoder": CrossEncoderStudent, "late_interaction": LateInteractionStudent}
Student = CrossEncoderStudent | LateInteractionStudent


def new_student(config: LrkdConfig, embedding_width: int) -> Student:
    """Build a student with a pretrained encoder and a new head."""
    encoder = load_encoder(config.encoder, architecture_class(config).dropout)
    if config.trained_layers:
        freeze_lower_layers(encoder, config.trained_layers)
    return build_student(encoder, embedding_width, config)


def build_student(encoder: nn.Module, embedding_width: int, config: LrkdConfig) -> Student:
    """Put a new head of the configured architecture on an encoder.

    Raises:
        ValueError: the architecture, the extractor, or the kind of encoder is not known.
    """
    if architecture_class(config) is LateInteractionStudent:
        return LateInteractionStudent(encoder, embedding_width)
    return CrossEncoderStudent(encoder, embedding_width, config.extractor)


def architecture_class(config: LrkdConfig) -> type[Student]:
    """Return the class of the configured architecture.

    Raises:
        ValueError: the architecture is not known.
    """
    if config.architecture not in ARCHITECTURES:
        names = ", ".join(ARCHITECTURES)
        raise ValueError(f"student_config's architecture is {config.architecture!r}: choose of {names}")
    return ARCHITECTURES[config.architecture]
