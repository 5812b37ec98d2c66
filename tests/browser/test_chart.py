"""The parts of the charts, each for itself."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_step_between_ticks_is_the_least_round_one(page: "Page") -> None:
    least = [value / 7 for value in range(1, 7000, 3)]
    found = page.evaluate(
        """async (least) => {
            const { roundStep } = await import('./inspector/components/chart/scale.js');
            return least.map(roundStep);
        }""",
        least,
    )
    steps = [digit * 10**power for power in range(5) for digit in (1, 2, 5)]
    assert found == [min(step for step in steps if step >= value) for value in least]


def test_a_scale_leads_to_pixels_and_back(page: "Page") -> None:
    pixels, values, level = page.evaluate(
        """async () => {
            const { linear } = await import('./inspector/components/chart/scale.js');
            const y = linear([1, 0], [12, 192]);
            const flat = linear([3, 3], [10, 110]);
            return [[1, 0.25, 0].map(y), [12, 147, 192].map(y.invert), flat(3)];
        }"""
    )
    assert pixels == [12, 147, 192]
    assert values == [1, 0.25, 0]
    assert level == 10  # where all values are one


def test_lines_and_areas_are_paths(page: "Page") -> None:
    line, area, nothing = page.evaluate(
        """async () => {
            const { areaPath, linePath } = await import('./inspector/components/chart/paths.js');
            const points = [[0, 1.26], [10, 2], [20, 3]];
            return [linePath(points), areaPath(points, 9), linePath([])];
        }"""
    )
    assert line == "M0,1.3L10,2L20,3"
    assert area == "M0,1.3L10,2L20,3L20,9L10,9L0,9Z"
    assert nothing == ""
