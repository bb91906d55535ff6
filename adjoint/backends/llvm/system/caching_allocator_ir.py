"""The code of the reserve of memory, as LLVM text. `reserve` compiles it, and says what it is for.

Free blocks stand in a table of slots, WAYS for each class of sizes. A slot is emptied by exchanging
its address for null and filled where it is null, so that no lock is needed: whatever a thread, a
handler of signals or a forked child interrupts, a block is in one slot or in one hand.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 16
"""Blocks of fewer than 2 to this many bytes are not kept."""
LAST = 48
"""Nor can more than 2 to this many bytes be asked for."""
WAYS = 32
"""How many free blocks of one class there may be; a class is an eighth of a power of two."""
HUGE = 22
"""From 2 to this many bytes on huge pages are asked for: one fault instead of 512."""

FUNCTIONS = {"malloc": "malloc", "free": "free", "advise": "madvise"}
"""What the code calls, under ``adjoint_reserve_`` and these names, and which C function that is."""


@dataclass(frozen=True)
class Platform:
    """What differs between systems: the advice to use huge pages, if there are such."""

    advice: int | None

    def advise(self) -> str:
        """The call that asks for huge pages."""
        if self.advice is None:
            return ""
        return f"call i32 @adjoint_reserve_advise(ptr %pages, i64 %even, i32 {self.advice})"


STATE = """
declare ptr @adjoint_reserve_malloc(i64)
declare void @adjoint_reserve_free(ptr)
declare i32 @adjoint_reserve_advise(ptr, i64, i32)
declare i64 @llvm.ctlz.i64(i64, i1)
declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)
declare ptr @memcpy(ptr, ptr, i64)
declare ptr @memset(ptr, i32, i64)

@slots = internal global [SLOTS x ptr] zeroinitializer, align 64
@held = internal global i64 0, align 64  ; bytes of the free blocks
@limit = internal global i64 0           ; and how many there may be
@hand = internal global i64 0            ; the slot that is emptied next if there are more
@made = internal global i64 0            ; the place in a page of the block that is made next

@adjoint_reserve_name = constant [12 x i8] c"mem_handler\\00"
@adjoint_reserve_handler = global { [127 x i8], i8, ptr, ptr, ptr, ptr, ptr } {
  [127 x i8] c"adjointNAME_REST", i8 1, ptr null,
  ptr @numpy_malloc, ptr @numpy_calloc, ptr @numpy_realloc, ptr @numpy_free }
"""

BLOCKS = """
; The number of the class of a size, -1 if such blocks are not kept, and the bytes that they have.
define internal { i64, i64 } @class(i64 %size) {
  %less = sub i64 %size, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %less, i1 false)
  %top = sub i64 63, %zeros
  %is_small = icmp ult i64 %size, SMALLEST
  br i1 %is_small, label %small, label %large
small:
  %bytes = insertvalue { i64, i64 } { i64 -1, i64 0 }, i64 %size, 1
  ret { i64, i64 } %bytes
large:
  %shift = sub i64 %top, 3
  %eighths = lshr i64 %less, %shift  ; 8 to 15
  %more = add i64 %eighths, 1
  %room = shl i64 %more, %shift
  %order = sub i64 %top, BEFORE_FIRST
  %eight = mul i64 %order, 8
  %above = sub i64 %eighths, 8
  %number = add i64 %eight, %above
  %first = insertvalue { i64, i64 } poison, i64 %number, 0
  %both = insertvalue { i64, i64 } %first, i64 %room, 1
  ret { i64, i64 } %both
}

; A block from the system. Before it stand what the system gave, its class and its bytes. Blocks
; begin at different places in their pages, for a loop over several at the same place would have the
; same few lines of the cache for all.
define internal ptr @fresh(i64 %number, i64 %room) {
  %is_huge = icmp uge i64 %room, HUGE
  %alignment = select i1 %is_huge, i64 PAGE, i64 64
  %slack = add i64 %alignment, 63
  %before = atomicrmw add ptr @made, i64 COLOUR monotonic, align 8
  %colour = and i64 %before, 4032
  %most = add i64 %slack, 4032
  %whole = add i64 %room, %most
  %first = call ptr @adjoint_reserve_malloc(i64 %whole)
  %none = icmp eq ptr %first, null
  br i1 %none, label %again, label %given
again:
  call void @shrink(i64 -1)
  %second = call ptr @adjoint_reserve_malloc(i64 %whole)
  %nothing = icmp eq ptr %second, null
  br i1 %nothing, label %end, label %given
given:
  %memory = phi ptr [%first, %0], [%second, %again]
  %start = ptrtoint ptr %memory to i64
  %beyond = add i64 %start, %slack
  %mask = sub i64 0, %alignment
  %base = and i64 %beyond, %mask
  %address = add i64 %base, %colour
  %place = inttoptr i64 %address to ptr
  %memory_place = getelementptr i64, ptr %place, i64 -3
  %number_place = getelementptr i64, ptr %place, i64 -2
  %room_place = getelementptr i64, ptr %place, i64 -1
  store ptr %memory, ptr %memory_place
  store i64 %number, ptr %number_place
  store i64 %room, ptr %room_place
  br i1 %is_huge, label %huge, label %end
huge:
  %pages = inttoptr i64 %base to ptr
  %even = and i64 %room, -PAGE
  ADVISE
  br label %end
end:
  %result = phi ptr [null, %again], [%place, %given], [%place, %huge]
  ret ptr %result
}

; Give a block, or null, back to the system.
define void @adjoint_reserve_drop(ptr %place) {
  %nothing = icmp eq ptr %place, null
  br i1 %nothing, label %end, label %free
free:
  %memory_place = getelementptr i64, ptr %place, i64 -3
  %memory = load ptr, ptr %memory_place
  call void @adjoint_reserve_free(ptr %memory)
  br label %end
end:
  ret void
}

define internal i64 @room_of(ptr %place) {
  %room_place = getelementptr i64, ptr %place, i64 -1
  %room = load i64, ptr %room_place
  ret i64 %room
}

; The block that stood in a slot, or null.
define internal ptr @out_of(ptr %slot) {
  %seen = load atomic ptr, ptr %slot monotonic, align 8
  %empty = icmp eq ptr %seen, null
  br i1 %empty, label %nothing, label %exchange
exchange:
  %taken = atomicrmw xchg ptr %slot, ptr null acq_rel, align 8
  %late = icmp eq ptr %taken, null
  br i1 %late, label %nothing, label %something
something:
  %room = call i64 @room_of(ptr %taken)
  %before = atomicrmw sub ptr @held, i64 %room monotonic, align 8
  ret ptr %taken
nothing:
  ret ptr null
}

; Free blocks, going round the slots at most once, until at most `goal` bytes are held.
define internal void @shrink(i64 %goal) {
  br label %look
look:
  %round = phi i64 [0, %0], [%following, %next]
  %held = load atomic i64, ptr @held monotonic, align 8
  %fits = icmp sle i64 %held, %goal
  %all = icmp eq i64 %round, SLOTS
  %done = or i1 %fits, %all
  br i1 %done, label %end, label %empty
empty:
  %hand = atomicrmw add ptr @hand, i64 1 monotonic, align 8
  %number = urem i64 %hand, SLOTS
  %slot = getelementptr ptr, ptr @slots, i64 %number
  %taken = call ptr @out_of(ptr %slot)
  %nothing = icmp eq ptr %taken, null
  br i1 %nothing, label %next, label %free
free:
  call void @adjoint_reserve_drop(ptr %taken)
  br label %next
next:
  %following = add i64 %round, 1
  br label %look
end:
  ret void
}
"""

CALLS = """
; Memory of `size` bytes, on a boundary of 64; null if there is none.
define ptr @adjoint_reserve_take(i64 %size) {
  %absurd = icmp ugt i64 %size, LARGEST
  br i1 %absurd, label %refuse, label %sort
refuse:
  ret ptr null
sort:
  %class = call { i64, i64 } @class(i64 %size)
  %number = extractvalue { i64, i64 } %class, 0
  %room = extractvalue { i64, i64 } %class, 1
  %kept = icmp sge i64 %number, 0
  %first = mul i64 %number, WAYS
  br i1 %kept, label %look, label %make
look:
  %way = phi i64 [0, %sort], [%following, %next]
  %index = add i64 %first, %way
  %slot = getelementptr ptr, ptr @slots, i64 %index
  %found = call ptr @out_of(ptr %slot)
  %nothing = icmp eq ptr %found, null
  br i1 %nothing, label %next, label %end
next:
  %following = add i64 %way, 1
  %all = icmp eq i64 %following, WAYS
  br i1 %all, label %make, label %look
end:
  ret ptr %found
make:
  %made = call ptr @fresh(i64 %number, i64 %room)
  ret ptr %made
}

; Put a block that nobody uses any more into a slot, or give it back to the system.
define void @adjoint_reserve_give(ptr %place) {
  %nothing = icmp eq ptr %place, null
  br i1 %nothing, label %end, label %sort
sort:
  %number_place = getelementptr i64, ptr %place, i64 -2
  %number = load i64, ptr %number_place
  %room = call i64 @room_of(ptr %place)
  %limit = load atomic i64, ptr @limit monotonic, align 8
  %known = icmp sge i64 %number, 0
  %fits = icmp sle i64 %room, %limit
  %kept = and i1 %known, %fits
  %first = mul i64 %number, WAYS
  br i1 %kept, label %look, label %free
look:
  %way = phi i64 [0, %sort], [%following, %next]
  %index = add i64 %first, %way
  %slot = getelementptr ptr, ptr @slots, i64 %index
  %seen = load atomic ptr, ptr %slot monotonic, align 8
  %empty = icmp eq ptr %seen, null
  br i1 %empty, label %put, label %next
put:
  %exchanged = cmpxchg ptr %slot, ptr null, ptr %place acq_rel monotonic, align 8
  %in = extractvalue { ptr, i1 } %exchanged, 1
  br i1 %in, label %count, label %next
next:
  %following = add i64 %way, 1
  %all = icmp eq i64 %following, WAYS
  br i1 %all, label %free, label %look
count:
  %before = atomicrmw add ptr @held, i64 %room monotonic, align 8
  call void @shrink(i64 %limit)
  br label %end
free:
  call void @adjoint_reserve_drop(ptr %place)
  br label %end
end:
  ret void
}

; Keep at most so many bytes from now on.
define void @adjoint_reserve_limit(i64 %limit) {
  store atomic i64 %limit, ptr @limit monotonic, align 8
  call void @shrink(i64 %limit)
  ret void
}

define i64 @adjoint_reserve_held() {
  %held = load atomic i64, ptr @held monotonic, align 8
  ret i64 %held
}

define void @adjoint_reserve_clear() {
  call void @shrink(i64 -1)
  ret void
}
"""

NUMPY = """
define internal ptr @numpy_malloc(ptr %context, i64 %size) {
  %place = call ptr @adjoint_reserve_take(i64 %size)
  ret ptr %place
}

define internal ptr @numpy_calloc(ptr %context, i64 %count, i64 %size) {
  %product = call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %count, i64 %size)
  %bytes = extractvalue { i64, i1 } %product, 0
  %over = extractvalue { i64, i1 } %product, 1
  %asked = select i1 %over, i64 -1, i64 %bytes
  %place = call ptr @adjoint_reserve_take(i64 %asked)
  %none = icmp eq ptr %place, null
  br i1 %none, label %end, label %clear
clear:
  call ptr @memset(ptr %place, i32 0, i64 %bytes)
  br label %end
end:
  ret ptr %place
}

define internal ptr @numpy_realloc(ptr %context, ptr %place, i64 %size) {
  %made = call ptr @adjoint_reserve_take(i64 %size)
  %none = icmp eq ptr %made, null
  %nothing = icmp eq ptr %place, null
  %done = or i1 %none, %nothing
  br i1 %done, label %end, label %move
move:
  %room = call i64 @room_of(ptr %place)
  %shorter = icmp ult i64 %room, %size
  %bytes = select i1 %shorter, i64 %room, i64 %size
  call ptr @memcpy(ptr %made, ptr %place, i64 %bytes)
  call void @adjoint_reserve_give(ptr %place)
  br label %end
end:
  ret ptr %made
}

define internal void @numpy_free(ptr %context, ptr %place, i64 %size) {
  call void @adjoint_reserve_give(ptr %place)
  ret void
}
"""


def code(platform: Platform) -> str:
    """The LLVM text of the reserve."""
    text = STATE + BLOCKS + CALLS + NUMPY
    for word, meaning in {
        "SLOTS": (LAST - FIRST + 1) * 8 * WAYS,
        "WAYS": WAYS,
        "SMALLEST": 1 << FIRST,
        "BEFORE_FIRST": FIRST - 1,
        "LARGEST": 1 << LAST,
        "HUGE": 1 << HUGE,
        "PAGE": 1 << 21,
        "COLOUR": 7 * 64,
        "NAME_REST": "\\00" * (127 - len("adjoint")),
        "ADVISE": platform.advise(),
    }.items():
        text = text.replace(word, str(meaning))
    return text
