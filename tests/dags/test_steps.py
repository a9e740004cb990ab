"""DAG tasks, commands and steps are the same functions."""

from itertools import pairwise

import pytest

from pipelines import steps
from pipelines.config.spec import SPECS, list_specs


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory):
    import importlib

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
        found = {}
        for module in ("dags.nightly", "dags.deploy"):
            held = vars(importlib.import_module(module))
            found |= {key: value for key, value in held.items() if key.endswith(_KINDS)}
        yield found


_KINDS = ("_nightly", "_deploy")


def step_of(task):
    """The function of `steps` behind a task, which ends its failures in words."""
    return task.python_callable.__wrapped__


def test_each_spec_has_its_two_dags(dags) -> None:
    assert set(dags) == {spec + kind for spec in list_specs() for kind in _KINDS}


def test_tasks_are_the_steps_in_their_order(dags) -> None:
    nightly = dags["demo_nightly"]
    turn, *tasks = nightly.tasks
    links = (*steps.OPENING, *steps.NIGHTLY)
    assert [step_of(t) for t in tasks] == [link.step for link in links]
    assert {step_of(task) for task in dags["demo_deploy"].tasks} == set(steps.DEPLOY)
    order = [link.name for link in links]
    assert nightly.task_ids == [turn.task_id, *order]
    assert turn.downstream_task_ids == {order[0]}
    for before, after in pairwise(order):
        assert before in nightly.get_task(after).upstream_task_ids


def test_a_task_is_given_what_the_tasks_before_it_returned(dags) -> None:
    made_by: dict[str, str] = {}
    for link in (*steps.OPENING, *steps.NIGHTLY):
        given = [str(each) for each in dags["demo_nightly"].get_task(link.name).op_args]
        assert len(given) == len(link.inputs)
        for name, text in zip(link.inputs, given, strict=True):
            pulled = f"xcom_pull(task_ids='{made_by.get(name)}'"
            assert (pulled in text) == (name in made_by), (link.name, name, text)
        made_by[link.output] = link.name
    assert made_by["snapshot"] == "validate"


def test_a_task_shows_its_steps_docstring(dags) -> None:
    for link in steps.NIGHTLY:
        shown = dags["demo_nightly"].get_task(link.name).doc_md
        assert shown.split() == link.step.__doc__.split()
        # What is indented by four is code in Markdown.
        assert not any(line.startswith("    ") for line in shown.splitlines())


def test_the_form_of_the_demo_proposes_the_day_after_its_newest_row(dags) -> None:
    form = dags["demo_nightly"].params
    assert form["as_of"] == "2025-04-01"


def test_every_field_of_the_form_says_what_it_is_and_what_the_spec_has(dags) -> None:
    form = dags["demo_nightly"].params
    told = {name: form.get_param(name).description for name in form}
    assert all(told.values()), told
    assert told["trials"].endswith("; 12 in the spec")
    assert told["history"].endswith("; 28d in the spec")
    assert told["time_budget"].endswith("; none in the spec")
    assert told["leave_out"].endswith("; none in the spec")


def test_the_form_refuses_what_is_no_date(dags) -> None:
    form = dags["demo_nightly"].params
    form["as_of"] = "2025-04-01"
    with pytest.raises(Exception, match="is not a 'date'"):
        form["as_of"] = "tomorrow"


def test_the_form_refuses_a_column_that_is_none_and_a_budget_that_is_no_length(dags) -> None:
    form = dags["demo_nightly"].params
    form["leave_out"] = ["amount"]
    with pytest.raises(Exception, match="is not one of"):
        form["leave_out"] = ["amuont"]
    with pytest.raises(Exception, match="does not match"):
        form["time_budget"] = "soon"


def test_a_spec_that_asks_in_airflow_has_a_dag_for_it(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    from dags import review

    declared = (SPECS / "demo.toml").read_text(encoding="utf-8")
    asked = f'{declared}\n[approval]\nwhere = "airflow"\n'
    (tmp_path / "asked.toml").write_text(asked, encoding="utf-8")
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))
    made = importlib.reload(review)
    assert not hasattr(made, "demo_review")
    steps_of = {step_of(t) for t in made.asked_review.tasks if t.task_id != "ask"}
    assert steps_of == set(steps.REVIEW)
    assert made.asked_review.task_ids == ["candidate", "review", "ask", "answer"]


def test_several_tuning_workers_are_mapped_tasks_that_training_waits_for(
    dags, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    from dags import nightly

    declared = (SPECS / "demo.toml").read_text(encoding="utf-8")
    shared = declared.replace("trials = 12", "trials = 12\ntrials_workers = 3")
    (tmp_path / "shared.toml").write_text(shared, encoding="utf-8")
    monkeypatch.setenv("OVERNIGHT_SPECS", str(tmp_path))
    made = importlib.reload(nightly).shared_nightly
    tune, train = made.get_task("tune"), made.get_task("train")
    assert tune.is_mapped
    assert tune.op_kwargs_expand_input.value == {"worker": ["0", "1", "2"]}
    assert "tune" in train.upstream_task_ids
    assert not dags["demo_nightly"].get_task("tune").is_mapped
