"""A benchmark's folder of results is there, and takes files, before the run that fills it."""

import importlib
from pathlib import Path

import pytest

from tests.benchmarks.options import make_parser

BENCHMARKS = ("detection", "features", "handbook", "serving", "training", "validation")


def test_a_folder_that_is_not_there_is_made_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    options = make_parser("m", timeout=1).parse_args(["--results", str(folder)])
    assert options.results == folder
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_refuses_a_folder_that_takes_no_files_before_it_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    asked = [f"tests.benchmarks.{name}", "--results", str(tmp_path / "file" / "results")]
    monkeypatch.setattr("sys.argv", asked)
    module = importlib.import_module(f"tests.benchmarks.{name}")
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 2
    assert "takes no files" in capsys.readouterr().err
