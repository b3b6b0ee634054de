"""`studies/run`: tables as the pages have them, and a sentence for a mistake."""

from __future__ import annotations

import pytest
from studies.main import main


def test_it_prints_a_line_for_each_play(capsys):
    assert main(["strategies", "--seeds", "1", "--hours", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["who", "play"]
    assert any(line.startswith("vendor") and "split" in line for line in lines)


def test_it_prints_a_column_for_each_load(capsys, monkeypatch):
    monkeypatch.setattr("studies.scarcity.batch_over_optimum", lambda seed, load, size: 1.0)
    assert main(["scarcity", "--seeds", "1", "--hours", "1", "-o", "markdown"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head == "| demand ÷ supply | 80% | 100% | 150% |"


@pytest.mark.parametrize("option", ["--seeds", "--hours", "--jobs", "--books"])
def test_nothing_to_do_is_refused_with_the_options_name(option, capsys):
    with pytest.raises(SystemExit):
        main(["scarcity", option, "0"])
    assert f"{option} must be at least 1, got 0" in capsys.readouterr().err
