"""Which of two artifacts is the candidate's."""

import pytest

from components.chosen_student import LRKD, PLAIN, choose_artifact


def test_a_student_has_its_own_artifact():
    assert [choose_artifact(student, "a", "b") for student in (LRKD, PLAIN)] == ["a", "b"]


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="the chosen student is 'best': it is LRKD or plain"):
        choose_artifact("best", "a", "b")
