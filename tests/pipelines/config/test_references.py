"""References between steps: the texts of before, read back to what they were written from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.contract import InputError
from pipelines.config.references import (
    DeploymentOutcome,
    EndpointReference,
    ModelVersion,
    RunReference,
    Snapshot,
    StudyReference,
    TableVersion,
    read_optional,
    version_name,
    write_optional,
)

TEXTS = {
    "features@v12": TableVersion("features", 12),
    "transactions@v3+labels@v4": Snapshot(
        TableVersion("transactions", 3), TableVersion("labels", 4)
    ),
    "studies:/demo-0a1b": StudyReference("demo-0a1b"),
    "runs:/0a1b": RunReference("0a1b"),
    "PROMOTED demo-1a2b": DeploymentOutcome("PROMOTED", "demo-1a2b"),
    "ROLLED_BACK demo-1a2b: An alarm rang: errors: 5.": DeploymentOutcome(
        "ROLLED_BACK", "demo-1a2b", "An alarm rang: errors: 5."
    ),
    "DIVERGED : There is no such endpoint.": DeploymentOutcome(
        "DIVERGED", "", "There is no such endpoint."
    ),
    "DIVERGED c: first\nsecond": DeploymentOutcome("DIVERGED", "c", "first\nsecond"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_reference_is_written_as_before_and_read_back(text: str) -> None:
    reference = TEXTS[text]
    assert str(reference) == text
    assert type(reference).parse(text) == reference


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (ModelVersion("demo", 7), "models:/demo/7"),
        (EndpointReference("demo", 7), "endpoints:/demo/7"),
        (EndpointReference("demo", 7, beside=8), "endpoints:/demo/7+8"),
    ],
)
def test_what_is_only_returned_is_written_as_before(reference: object, text: str) -> None:
    assert str(reference) == text


def test_a_run_and_a_study_may_be_named_without_their_scheme() -> None:
    assert RunReference.parse("0a1b") == RunReference("0a1b")
    assert StudyReference.parse("demo-0a1b") == StudyReference("demo-0a1b")


@pytest.mark.parametrize(
    ("kind", "text", "form"),
    [
        (TableVersion, "features@12", "features@v12"),
        (TableVersion, "features", "features@v12"),
        (Snapshot, "transactions@v3", "transactions@v3+labels@v3"),
        (RunReference, "runs:/", "runs:/0a1b"),
        (RunReference, "runs:/0a1b/evaluation", "runs:/0a1b"),
        (StudyReference, "studies:/", "studies:/demo-0a1b"),
        (StudyReference, "runs:/0a1b", "studies:/demo-0a1b"),
        (DeploymentOutcome, "promoted demo", "what the step verify returned"),
        (DeploymentOutcome, "PROMOTEDdemo", "what the step verify returned"),
        (DeploymentOutcome, "nothing", "what the step verify returned"),
    ],
)
def test_another_form_is_refused_with_the_right_one(kind, text: str, form: str) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse(text)
    assert repr(text) in str(caught.value)
    assert form in str(caught.value)


@given(
    st.builds(
        DeploymentOutcome,
        st.sampled_from(["PROMOTED", "ROLLED_BACK", "DIVERGED"]),
        st.from_regex(r"[a-z0-9-]*", fullmatch=True),
        st.from_regex(r"(\S(.*\S)?)?", fullmatch=True),
    )
)
def test_every_outcome_is_read_back(outcome: DeploymentOutcome) -> None:
    assert DeploymentOutcome.parse(str(outcome)) == outcome


def test_a_missing_reference_has_a_text_of_its_own_between_tasks() -> None:
    assert write_optional(None) == "nothing"
    assert write_optional(ModelVersion("demo", 7)) == "models:/demo/7"
    assert read_optional("nothing") is None
    assert [read_optional(text) for text in ("", "7", "models:/demo/7")] == [
        "", "7", "models:/demo/7",
    ]  # fmt: skip


def test_a_version_is_named_by_number_or_alias_and_only_of_its_own_model() -> None:
    assert version_name("models:/demo/7", model="demo") == "7"
    assert version_name("champion", model="demo") == "champion"
    assert version_name("models:/other/7", model="demo") == "models:/other/7"
