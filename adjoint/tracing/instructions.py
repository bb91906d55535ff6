"""CPython's instructions that act on nothing but values which a function was given or has made.

Floor 7. What writes into a module, an object or an enclosing function, imports, or handles errors
is not among them; nor is what a later Python may add.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dis import Instruction

KNOWN = frozenset(
    (
        # Local variables, the stack, constants.
        *("CACHE", "COPY", "DELETE_FAST", "EXTENDED_ARG", "LOAD_CONST", "LOAD_FAST"),
        *("LOAD_FAST_AND_CLEAR", "LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"),
        *("LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "LOAD_SMALL_INT", "NOP", "NOT_TAKEN"),
        *("POP_TOP", "PRECALL", "PUSH_NULL", "RESUME", "STORE_FAST", "STORE_FAST_LOAD_FAST"),
        *("STORE_FAST_STORE_FAST", "SWAP"),
        # What stands outside, which is looked at by itself.
        *("LOAD_ATTR", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_METHOD"),
        # Variables shared with inner functions.
        *("COPY_FREE_VARS", "DELETE_DEREF", "LOAD_CLOSURE", "MAKE_CELL", "MAKE_FUNCTION"),
        *("SET_FUNCTION_ATTRIBUTE", "STORE_DEREF"),
        # Calls and operators.
        *("BINARY_OP", "BINARY_SLICE", "BINARY_SUBSCR", "CALL", "CALL_FUNCTION_EX"),
        *("CALL_INTRINSIC_1", "CALL_KW", "COMPARE_OP", "CONTAINS_OP", "DELETE_SUBSCR", "IS_OP"),
        *("KW_NAMES", "STORE_SLICE", "STORE_SUBSCR", "TO_BOOL", "UNARY_INVERT", "UNARY_NEGATIVE"),
        *("UNARY_NOT", "UNARY_POSITIVE"),
        # Tuples, lists, dicts, sets, texts.
        *("BUILD_CONST_KEY_MAP", "BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_SLICE"),
        *("BUILD_STRING", "BUILD_TUPLE", "CONVERT_VALUE", "DICT_MERGE", "DICT_UPDATE"),
        *("FORMAT_SIMPLE", "FORMAT_VALUE", "FORMAT_WITH_SPEC", "GET_LEN", "LIST_APPEND"),
        *("LIST_EXTEND", "LIST_TO_TUPLE", "MAP_ADD", "MATCH_KEYS", "MATCH_MAPPING"),
        *("MATCH_SEQUENCE", "SET_ADD", "SET_UPDATE", "UNPACK_EX", "UNPACK_SEQUENCE"),
        # Branches, loops, generators.
        *("END_FOR", "END_SEND", "FOR_ITER", "GET_ITER", "GET_YIELD_FROM_ITER"),
        *("JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_FORWARD", "JUMP_IF_FALSE_OR_POP"),
        *("JUMP_IF_TRUE_OR_POP", "POP_ITER", "POP_JUMP_BACKWARD_IF_FALSE"),
        *("POP_JUMP_BACKWARD_IF_NONE", "POP_JUMP_BACKWARD_IF_NOT_NONE"),
        *("POP_JUMP_BACKWARD_IF_TRUE", "POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_FORWARD_IF_NONE"),
        *("POP_JUMP_FORWARD_IF_NOT_NONE", "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_IF_FALSE"),
        *("POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE", "POP_JUMP_IF_TRUE", "RETURN_CONST"),
        *("RETURN_GENERATOR", "RETURN_VALUE", "SEND", "YIELD_VALUE"),
        # Errors: raised, never caught.
        *("LOAD_ASSERTION_ERROR", "LOAD_COMMON_CONSTANT", "RAISE_VARARGS", "RERAISE"),
    )
)
ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
SKIPPED = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN"})
"""What does nothing."""
INTRINSICS = frozenset({3, 5, 6})
"""Of `CALL_INTRINSIC_1`: the end of a generator, the sign plus, and a tuple of a list. (Its others
print, import and make types.)"""

SAYS = {
    "CHECK_EXC_MATCH": "it catches errors",
    "DELETE_ATTR": "it deletes an attribute",
    "DELETE_GLOBAL": "it deletes a global name",
    "GET_AITER": "it is asynchronous",
    "GET_AWAITABLE": "it is asynchronous",
    "IMPORT_FROM": "it imports",
    "IMPORT_NAME": "it imports",
    "LOAD_BUILD_CLASS": "it defines a class",
    "LOAD_SUPER_ATTR": "it calls super()",
    "BEFORE_WITH": "it has a with block",
    "LOAD_SPECIAL": "it has a with block",
    "PUSH_EXC_INFO": "it has a try or with block",
    "STORE_ATTR": "it sets an attribute",
    "STORE_GLOBAL": "it sets a global name",
}
"""What is told of some of the others."""

_LOADS = frozenset({"LOAD_CONST", "LOAD_DEREF", "LOAD_FAST"})


def is_called(steps: Sequence[Instruction], number: int) -> bool:
    """Whether what an instruction loads is called, and nothing else is done with it.

    Methods are marked, as are global names from Python 3.13 on. Before, in ``f[0](x)`` the name is
    marked, too, so that it must be seen that what follows are the arguments.
    """
    step = steps[number]
    if step.opname == "LOAD_METHOD":
        return True
    is_marked = bool((step.arg or 0) & 1)
    if step.opname == "LOAD_ATTR":
        return sys.version_info >= (3, 12) and is_marked
    if step.opname != "LOAD_GLOBAL" or not is_marked:
        return False
    if sys.version_info >= (3, 13):
        return True
    end = number + 1
    while steps[end].opname in _LOADS or (
        steps[end].opname == "LOAD_GLOBAL" and not (steps[end].arg or 0) & 1
    ):
        end += 1
    count = end - number - 1
    while steps[end].opname in ("KW_NAMES", "PRECALL"):
        end += 1
    return steps[end].opname == "CALL" and steps[end].arg == count
