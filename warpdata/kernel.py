"""How the CPU kernels are compiled.

Each file of kernels holds those of one stage, compiled by numba into machine code that is kept on disk. They release
the interpreter lock and start no threads; callers run them over bands of an image, as `render.cpu.bands` does.

Numba notices a changed kernel by the file it stands in alone, so a kernel calls only kernels of its own file.
Sums and products are rounded one by one in the order written: without `fastmath` LLVM neither reorders them nor
contracts them into multiply-adds, which is what makes the result that of the definition, bit for bit, on any CPU.
"""

from __future__ import annotations

from numba import njit
from numba.core.compiler import Compiler


class _DistinctArrays(Compiler):
    """Compiles on the promise that no two arguments share memory, which lets LLVM use vector instructions freely."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()


def kernel(function):
    """Compile at the first call, or load what an earlier process compiled.

    An array that a kernel writes to overlaps none of its other arguments. Floats divide as IEEE says.
    """
    # Under the shape checks of the tests, functions arrive wrapped.
    plain = getattr(function, "__wrapped__", function)
    return njit(plain, cache=True, nogil=True, error_model="numpy", pipeline_class=_DistinctArrays)
