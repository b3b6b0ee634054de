"""The most that a season could be worth to everybody, found by HiGHS: a bound no market reaches.

It knows all work in advance, may run it in pieces, on several machines at once and stop it at any
time, and pays nothing for that: a linear program over half hours. Next: `scarcity.py`.
"""

from __future__ import annotations

from collections import defaultdict

import highspy
import numpy as np

from busbar.model.dtu import MICRO
from busbar.model.money import NANO_PER_EURO
from busbar.model.time import HOUR, MINUTE
from studies.outcome import AFTERWARDS
from studies.scene import CORES, Scene, Want

STEP_MS = 30 * MINUTE


def most_welfare(scene: Scene) -> float:
    """Give the bound, in euro."""
    program = _Program()
    for want in scene.wants:
        program.add(scene, want)
    return program.solve()


class _Program:
    """A column is the DTU of a piece of work that a machine does in a step."""

    def __init__(self) -> None:
        self._worth: list[float] = []
        self._limits: list[float] = []
        self._rows: dict[tuple[int, ...], int] = {}
        self._columns: dict[int, list[int]] = defaultdict(list)

    def add(self, scene: Scene, want: Want) -> None:
        """Add a piece of work: all of it at most once, at most its draw in each step."""
        hours = STEP_MS / HOUR
        last = min(want.at_ms + want.patience_ms, (scene.hours + AFTERWARDS) * HOUR)
        for step in range(want.at_ms // STEP_MS, -(-last // STEP_MS)):
            for stock in scene.stocks:
                worth = (want.value_nano - stock.cost_nano) / NANO_PER_EURO
                if worth <= 0 or want.region not in ("", stock.region):
                    continue
                column = len(self._worth)
                self._worth.append(worth)
                self._columns[column] = [
                    self._row((0, want.number), want.dtu),
                    self._row((1, want.number, step), want.draw_micro / MICRO * hours),
                    self._row((2, stock.number, step), CORES * hours),
                ]

    def _row(self, name: tuple[int, ...], limit: float) -> int:
        if name not in self._rows:
            self._rows[name] = len(self._limits)
            self._limits.append(limit)
        return self._rows[name]

    def solve(self) -> float:
        model = highspy.HighsLp()
        count = len(self._worth)
        model.num_col_, model.num_row_ = count, len(self._limits)
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.array(self._worth)
        model.col_lower_ = np.zeros(count)
        model.col_upper_ = np.full(count, highspy.kHighsInf)
        model.row_lower_ = np.zeros(len(self._limits))
        model.row_upper_ = np.array(self._limits)
        matrix = model.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kColwise
        matrix.start_ = np.arange(0, 3 * count + 1, 3)
        matrix.index_ = np.array([self._columns[c] for c in range(count)]).ravel()
        matrix.value_ = np.ones(3 * count)
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.passModel(model)
        solver.run()
        return float(solver.getInfo().objective_function_value)
