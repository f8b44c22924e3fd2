"""What a person reads at the end of a run: every reason once; and what the file keeps: everything."""

from warpdata.run.report import Report, SceneReport


def report_of(*scenes: SceneReport) -> Report:
    return Report(options={}, device="cpu", scenes=list(scenes))


def views(number: int) -> dict[str, str]:
    return {f"{view:03d}": f"/in/a/images/{view:03d}.png ships no depth" for view in range(number)}


def test_views_with_one_fault_are_one_line():
    report = report_of(SceneReport(scene="a", left_out=views(80) | {"depth": "is a folder"}))
    assert report.lines()[:-1] == [
        "left out 80 of scene a (000, 001, 002, ...): /in/a/images/<name>.png ships no depth",
        "left out a/depth: is a folder",
    ]
    assert report.as_json()["scenes"][0]["left_out"] == views(80) | {"depth": "is a folder"}


def test_what_the_scenes_error_says_is_not_said_again():
    error = "no view has geometry: 80 (000, 001, 002, ...): /in/a/images/<name>.png ships no depth"
    report = report_of(SceneReport(scene="a", error=error, left_out=views(80) | {"x.tif": "cannot be read"}))
    assert report.lines()[:-1] == [f"left out a: {error}", "left out a/x.tif: cannot be read"]


def test_scenes_with_one_fault_are_one_line():
    scenes = [SceneReport(scene=f"s{number}", error=f"scene s{number} has no picture") for number in range(5)]
    lines = report_of(*scenes, SceneReport(scene="good")).lines()
    assert lines == [
        "left out 5 scenes (s0, s1, s2, ...): scene <name> has no picture",
        "0 triplets made, from 1 of 6 scenes",
    ]


def test_few_faults_keep_their_names():
    report = report_of(SceneReport(scene="a", left_out={"1": "too dark", "2": "too bright"}))
    assert report.lines()[:-1] == ["left out a/1: too dark", "left out a/2: too bright"]


def test_a_long_error_is_short_while_the_run_goes_on():
    scene = SceneReport(scene="a", error="no view has geometry: " + "x" * 1000)
    assert scene.line() == "a: left out, no view has geometry: ..."
    assert scene.error in report_of(scene).lines()[0]
