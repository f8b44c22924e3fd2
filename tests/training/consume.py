"""A training run that tests start and kill.

    python -m tests.training.consume FOLDER RUN CHECKPOINT RANKS WORKERS SECONDS

Every rank appends a line `epoch step ids...` to `<FOLDER>/<RUN>.<rank>.log` as it begins a step; there is a checkpoint
after each step. CHECKPOINT is where to go on, or `-`; SECONDS is how long a step takes.
"""

import sys
import time
from pathlib import Path

from tests.training.training import Recorder, make_data, make_trainer


class Consumer(Recorder):
    def __init__(self, log: Path, seconds: float):
        super().__init__()
        self._log, self._seconds = log, seconds

    def training_step(self, batch, batch_idx):
        with self._log.with_suffix(f".{self.global_rank}.log").open("a") as file:
            file.write(f"{self.current_epoch} {self.global_step + 1} {' '.join(batch.id)}\n")
        time.sleep(self._seconds)
        return super().training_step(batch, batch_idx)


def main(folder: Path, run: str, checkpoint: str, ranks: int, workers: int, seconds: float) -> None:
    data = make_data(folder, num_workers=workers)
    strategy = "ddp" if ranks > 1 else "auto"
    trainer = make_trainer(folder / "checkpoints", every_n_steps=1, devices=ranks, strategy=strategy, max_epochs=2)
    ckpt_path = None if checkpoint == "-" else checkpoint
    trainer.fit(Consumer(folder / run, seconds), datamodule=data, ckpt_path=ckpt_path, weights_only=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
