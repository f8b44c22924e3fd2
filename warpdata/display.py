"""Progress of a program on the terminal: a bar with the time left, or plain lines where there is no terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Display:
    """Shows scenes done, the current scene's pairs, and the stages of an estimate.

    Args:
        quiet: show nothing but what is passed to `say_always`.
        what: is counted by the upper bar.
        console: where to; stderr by default, so that a program's own output stays clean.
    """

    def __init__(self, *, quiet: bool = False, what: str = "scenes", console: Console | None = None):
        self.console = console or Console(stderr=True, soft_wrap=True)
        self._quiet = quiet
        self._live = not quiet and self.console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self._live,
            transient=True,
        )
        self._scenes = self._bars.add_task(what, total=None)
        self._stage: tuple[str, int] | None = None

    def __enter__(self) -> Display:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, num_scenes: int) -> None:
        """Begin a run over a number of scenes."""
        self._bars.update(self._scenes, total=num_scenes)

    def count(self, done: int, total: int) -> None:
        """So many of what the upper bar counts are done."""
        self._bars.update(self._scenes, completed=done, total=total)

    def scene_done(self, line: str | None = None) -> None:
        """One more scene is finished; `line` says what came of it, if that is worth a line."""
        self._clear_stage()
        self._bars.advance(self._scenes)
        if line is not None:
            self.say(line)

    def stage(self, name: str, done: int, total: int) -> None:
        """`Progress` callback: a stage of the current scene, and how far it is."""
        if self._stage is None or self._stage[0] != name:
            self._clear_stage()
            self._stage = (name, self._bars.add_task(f"  {name}", total=total))
        self._bars.update(self._stage[1], completed=done, total=total)

    def say(self, line: str) -> None:
        """A line above the bars, unless quiet."""
        if not self._quiet:
            self.say_always(line)

    def say_always(self, line: str) -> None:
        """A line above the bars."""
        self.console.print(line, highlight=False, markup=False)

    def _clear_stage(self) -> None:
        if self._stage is not None:
            self._bars.remove_task(self._stage[1])
            self._stage = None
