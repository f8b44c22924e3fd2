"""What kernels need of the processor and numba does not offer.

They become part of the kernels that call them, which numba keeps compiled without noticing that this file changed.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic


@intrinsic
def keep_least(typing_context, address, value):
    """Set the int64 at an address to a value if that is less, whatever other threads do to it at the same time."""

    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], context.get_value_type(types.int64).as_pointer())
        builder.atomic_rmw("min", pointer, arguments[1], "monotonic")
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64), generate


@intrinsic
def bits_of(typing_context, value):
    """The bits of a float32, as int32."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.int32))

    return types.int32(types.float32), generate
