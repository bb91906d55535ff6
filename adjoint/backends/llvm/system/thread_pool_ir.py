"""The code of the thread pool, as LLVM text. `pool` compiles it, and says what it is for.

One mutex guards the state; only the chunk counter, `busy`, and what is watched while spinning are
read outside it. A job is open while it may be joined. A worker joins by adding itself to `active`
under the mutex, so the caller need not wait for workers that were late: it closes the job when no
chunk is left and waits for `active` to be zero.
"""

from __future__ import annotations

from dataclasses import dataclass

FUNCTIONS = {
    "mutex_init": "pthread_mutex_init",
    "lock": "pthread_mutex_lock",
    "unlock": "pthread_mutex_unlock",
    "condition_init": "pthread_cond_init",
    "wait": "pthread_cond_wait",
    "signal": "pthread_cond_signal",
    "broadcast": "pthread_cond_broadcast",
    "create": "pthread_create",
    "detach": "pthread_detach",
    "mask": "pthread_sigmask",
    "fill": "sigfillset",
    "delete": "sigdelset",
    "clock": "clock_gettime",
    "yield": "sched_yield",
}
"""What the code calls, under ``adjoint_pool_`` and these names, and which C function that is."""


@dataclass(frozen=True)
class Platform:
    """What differs between systems: numbers that C headers give, and the word for a busy wait."""

    machine: str
    clock: int
    set_mask: int
    faults: tuple[int, ...]
    """Signals that a thread raises itself, which must not be blocked."""

    def pause(self) -> str:
        """The instruction that tells the processor of a busy wait, if there is one."""
        if self.machine in ("x86_64", "AMD64"):
            return "call void @llvm.x86.sse2.pause()"
        if self.machine in ("aarch64", "arm64"):
            return "call void @llvm.aarch64.hint(i32 1)"
        return ""


SERIAL = """
; All chunks, one after the other.
define internal void @serial(ptr %task, ptr %context, i64 %low, i64 %high, i64 %grain) {
  %any = icmp slt i64 %low, %high
  br i1 %any, label %chunk, label %end
chunk:
  %start = phi i64 [%low, %0], [%stop, %chunk]
  %left = sub i64 %high, %start
  %short = icmp ult i64 %left, %grain
  %size = select i1 %short, i64 %left, i64 %grain
  %stop = add i64 %start, %size
  call void %task(ptr %context, i64 %start, i64 %stop)
  %more = icmp slt i64 %stop, %high
  br i1 %more, label %chunk, label %end
end:
  ret void
}

; A grain below one stands for the whole range.
define internal i64 @whole(i64 %low, i64 %high, i64 %grain) {
  %range = sub i64 %high, %low
  %fits = icmp sgt i64 %grain, 0
  %size = select i1 %fits, i64 %grain, i64 %range
  ret i64 %size
}
"""

ALONE = """
define void @adjoint_parallel(ptr %task, ptr %context, i64 %low, i64 %high, i64 %grain) {
  %size = call i64 @whole(i64 %low, i64 %high, i64 %grain)
  call void @serial(ptr %task, ptr %context, i64 %low, i64 %high, i64 %size)
  ret void
}
"""

STATE = """
declare i32 @adjoint_pool_mutex_init(ptr, ptr)
declare i32 @adjoint_pool_lock(ptr)
declare i32 @adjoint_pool_unlock(ptr)
declare i32 @adjoint_pool_condition_init(ptr, ptr)
declare i32 @adjoint_pool_wait(ptr, ptr)
declare i32 @adjoint_pool_signal(ptr)
declare i32 @adjoint_pool_broadcast(ptr)
declare i32 @adjoint_pool_create(ptr, ptr, ptr, ptr)
declare i32 @adjoint_pool_detach(ptr)
declare i32 @adjoint_pool_mask(i32, ptr, ptr)
declare i32 @adjoint_pool_fill(ptr)
declare i32 @adjoint_pool_delete(ptr, i32)
declare i32 @adjoint_pool_clock(i32, ptr)
declare i32 @adjoint_pool_yield()
declare void @llvm.x86.sse2.pause()
declare void @llvm.aarch64.hint(i32)

; Larger than these types are on any system.
@mutex = internal global [256 x i8] zeroinitializer, align 64
@wake = internal global [256 x i8] zeroinitializer, align 64
@done = internal global [256 x i8] zeroinitializer, align 64

@limit = internal global i64 0, align 64      ; workers wanted
@patience = internal global i64 0             ; nanoseconds to spin before sleeping
@started = internal global i64 0              ; workers there are
@sleeping = internal global i64 0             ; workers waiting for `wake`
@active = internal global i64 0               ; workers in the job
@open = internal global i64 0                 ; whether the job may be joined
@busy = internal global i64 0, align 64       ; whether somebody has the pool
@generation = internal global i64 0, align 64 ; the number of jobs opened so far
@next = internal global i64 0, align 64       ; the next chunk
@task = internal global ptr null, align 64
@context = internal global ptr null
@low = internal global i64 0
@high = internal global i64 0
@grain = internal global i64 0
@chunks = internal global i64 0
"""

WORK = """
define internal i64 @now() {
  %time = alloca [2 x i64]
  call i32 @adjoint_pool_clock(i32 CLOCK, ptr %time)
  %seconds = load i64, ptr %time
  %place = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %place
  %whole = mul i64 %seconds, 1000000000
  %sum = add i64 %whole, %rest
  ret i64 %sum
}

; Spin until what stands at `place` is (or, with `differs`, is not) `value`, or patience ends. Who
; is waited for may be waiting for this very core, so it is offered now and then.
define internal void @watch(ptr %place, i64 %value, i1 %differs) {
  %patience = load atomic i64, ptr @patience monotonic, align 8
  %calm = icmp eq i64 %patience, 0
  br i1 %calm, label %end, label %begin
begin:
  %began = call i64 @now()
  br label %look
look:
  %round = phi i64 [0, %begin], [0, %time], [%following, %again]
  %found = load atomic i64, ptr %place monotonic, align 8
  %same = icmp eq i64 %found, %value
  %met = xor i1 %same, %differs
  br i1 %met, label %end, label %again
again:
  PAUSE
  %following = add i64 %round, 1
  %tired = icmp eq i64 %following, 16
  br i1 %tired, label %time, label %look
time:
  call i32 @adjoint_pool_yield()
  %present = call i64 @now()
  %passed = sub i64 %present, %began
  %over = icmp ugt i64 %passed, %patience
  br i1 %over, label %end, label %look
end:
  ret void
}

; Work off chunks until none is left. The job stands still while anybody works at it.
define internal void @drain() {
  %task = load ptr, ptr @task
  %context = load ptr, ptr @context
  %low = load i64, ptr @low
  %high = load i64, ptr @high
  %grain = load i64, ptr @grain
  %chunks = load i64, ptr @chunks
  br label %take
take:
  %number = atomicrmw add ptr @next, i64 1 monotonic, align 8
  %there = icmp ult i64 %number, %chunks
  br i1 %there, label %chunk, label %end
chunk:
  %offset = mul i64 %number, %grain
  %start = add i64 %low, %offset
  %left = sub i64 %high, %start
  %short = icmp ult i64 %left, %grain
  %size = select i1 %short, i64 %left, i64 %grain
  %stop = add i64 %start, %size
  call void %task(ptr %context, i64 %start, i64 %stop)
  br label %take
end:
  ret void
}

; A worker: join each new job that is open; sleep between jobs; end if there are too many.
define internal ptr @work(ptr %nothing) {
  call i32 @adjoint_pool_lock(ptr @mutex)
  br label %look
look:
  %seen = phi i64 [-1, %0], [%generation, %slept], [%generation, %awake]
  %started = load i64, ptr @started
  %limit = load i64, ptr @limit
  %surplus = icmp sgt i64 %started, %limit
  br i1 %surplus, label %leave, label %choose
choose:
  %generation = load i64, ptr @generation
  %new = icmp ne i64 %generation, %seen
  %open = load i64, ptr @open
  %may = icmp ne i64 %open, 0
  %join = and i1 %new, %may
  br i1 %join, label %joined, label %slept
slept:
  %before = load i64, ptr @sleeping
  %more = add i64 %before, 1
  store i64 %more, ptr @sleeping
  call i32 @adjoint_pool_wait(ptr @wake, ptr @mutex)
  %after = load i64, ptr @sleeping
  %fewer = sub i64 %after, 1
  store i64 %fewer, ptr @sleeping
  br label %look
joined:
  %active = load i64, ptr @active
  %with = add i64 %active, 1
  store atomic i64 %with, ptr @active monotonic, align 8
  call i32 @adjoint_pool_unlock(ptr @mutex)
  call void @drain()
  call i32 @adjoint_pool_lock(ptr @mutex)
  %others = load i64, ptr @active
  %without = sub i64 %others, 1
  store atomic i64 %without, ptr @active monotonic, align 8
  call i32 @adjoint_pool_unlock(ptr @mutex)
  %last = icmp eq i64 %without, 0
  br i1 %last, label %tell, label %spin
tell:
  call i32 @adjoint_pool_signal(ptr @done)
  br label %spin
spin:
  call void @watch(ptr @generation, i64 %generation, i1 true)
  call i32 @adjoint_pool_lock(ptr @mutex)
  br label %awake
awake:
  br label %look
leave:
  %remaining = sub i64 %started, 1
  store i64 %remaining, ptr @started
  call i32 @adjoint_pool_unlock(ptr @mutex)
  ret ptr null
}
"""

CALL = """
; Start workers until there are `needed`, as many as the system gives. They inherit the mask of
; signals: Python's handlers are for the threads of Python.
define internal void @start(i64 %needed) {
  %all = alloca [256 x i8], align 16
  %old = alloca [256 x i8], align 16
  %thread = alloca [2 x i64], align 16
  call i32 @adjoint_pool_fill(ptr %all)
  DELETE
  call i32 @adjoint_pool_mask(i32 SET_MASK, ptr %all, ptr %old)
  br label %look
look:
  %started = load i64, ptr @started
  %enough = icmp sge i64 %started, %needed
  br i1 %enough, label %end, label %make
make:
  %error = call i32 @adjoint_pool_create(ptr %thread, ptr null, ptr @work, ptr null)
  %refused = icmp ne i32 %error, 0
  br i1 %refused, label %content, label %made
made:
  %handle = load ptr, ptr %thread
  call i32 @adjoint_pool_detach(ptr %handle)
  %more = add i64 %started, 1
  store i64 %more, ptr @started
  br label %look
content:
  store atomic i64 %started, ptr @limit monotonic, align 8
  br label %end
end:
  call i32 @adjoint_pool_mask(i32 SET_MASK, ptr %old, ptr null)
  ret void
}

; Wake as many sleeping workers as the job needs beside those that are awake.
define internal void @rouse(i64 %count, i64 %sleeping) {
  %all = icmp sge i64 %count, %sleeping
  br i1 %all, label %everybody, label %some
everybody:
  call i32 @adjoint_pool_broadcast(ptr @wake)
  ret void
some:
  %left = phi i64 [%count, %0], [%fewer, %one]
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %one, label %end
one:
  call i32 @adjoint_pool_signal(ptr @wake)
  %fewer = sub i64 %left, 1
  br label %some
end:
  ret void
}

define void @adjoint_parallel(ptr %task, ptr %context, i64 %low, i64 %high, i64 %grain) {
  %any = icmp slt i64 %low, %high
  br i1 %any, label %count, label %end
count:
  %size = call i64 @whole(i64 %low, i64 %high, i64 %grain)
  %range = sub i64 %high, %low
  %one_less = sub i64 %range, 1
  %others = udiv i64 %one_less, %size
  %limit = load atomic i64, ptr @limit monotonic, align 8
  %one_thread = icmp slt i64 %limit, 1
  %one_chunk = icmp eq i64 %others, 0
  %is_serial = or i1 %one_thread, %one_chunk
  br i1 %is_serial, label %alone, label %ask
ask:
  %got = cmpxchg ptr @busy, i64 0, i64 1 acquire monotonic
  %free = extractvalue { i64, i1 } %got, 1
  br i1 %free, label %open, label %alone
alone:
  call void @serial(ptr %task, ptr %context, i64 %low, i64 %high, i64 %size)
  br label %end
open:
  store ptr %task, ptr @task
  store ptr %context, ptr @context
  store i64 %low, ptr @low
  store i64 %high, ptr @high
  store i64 %size, ptr @grain
  %chunks = add i64 %others, 1
  store i64 %chunks, ptr @chunks
  store atomic i64 0, ptr @next monotonic, align 8
  %fewer = icmp ult i64 %others, %limit
  %needed = select i1 %fewer, i64 %others, i64 %limit
  call i32 @adjoint_pool_lock(ptr @mutex)
  %there = load i64, ptr @started
  %enough = icmp sge i64 %there, %needed
  br i1 %enough, label %begin, label %hire
hire:
  call void @start(i64 %needed)
  br label %begin
begin:
  store i64 1, ptr @open
  %generation = load i64, ptr @generation
  %following = add i64 %generation, 1
  store atomic i64 %following, ptr @generation release, align 8
  %started = load i64, ptr @started
  %sleeping = load i64, ptr @sleeping
  %awake = sub i64 %started, %sleeping
  %missing = sub i64 %needed, %awake
  call i32 @adjoint_pool_unlock(ptr @mutex)
  %is_missing = icmp sgt i64 %missing, 0
  br i1 %is_missing, label %rouse, label %take_part
rouse:
  call void @rouse(i64 %missing, i64 %sleeping)
  br label %take_part
take_part:
  call void @drain()
  call i32 @adjoint_pool_lock(ptr @mutex)
  store i64 0, ptr @open
  %at_work = load i64, ptr @active
  %finished = icmp eq i64 %at_work, 0
  br i1 %finished, label %close, label %patient
patient:
  call i32 @adjoint_pool_unlock(ptr @mutex)
  call void @watch(ptr @active, i64 0, i1 false)
  call i32 @adjoint_pool_lock(ptr @mutex)
  br label %look
look:
  %still = load i64, ptr @active
  %over = icmp eq i64 %still, 0
  br i1 %over, label %close, label %wait
wait:
  call i32 @adjoint_pool_wait(ptr @done, ptr @mutex)
  br label %look
close:
  call i32 @adjoint_pool_unlock(ptr @mutex)
  store atomic i64 0, ptr @busy release, align 8
  br label %end
end:
  ret void
}

; How many workers there may be, and how long they spin before they sleep.
define void @adjoint_pool_limit(i64 %workers, i64 %patience) {
  call i32 @adjoint_pool_lock(ptr @mutex)
  store atomic i64 %workers, ptr @limit monotonic, align 8
  store atomic i64 %patience, ptr @patience monotonic, align 8
  call i32 @adjoint_pool_unlock(ptr @mutex)
  call i32 @adjoint_pool_broadcast(ptr @wake)
  ret void
}

; How many workers there are.
define i64 @adjoint_pool_workers() {
  call i32 @adjoint_pool_lock(ptr @mutex)
  %started = load i64, ptr @started
  call i32 @adjoint_pool_unlock(ptr @mutex)
  ret i64 %started
}

; No workers, no job. Whatever held the mutex is gone: this is the first call, or a forked child.
define void @adjoint_pool_reset() {
  call i32 @adjoint_pool_mutex_init(ptr @mutex, ptr null)
  call i32 @adjoint_pool_condition_init(ptr @wake, ptr null)
  call i32 @adjoint_pool_condition_init(ptr @done, ptr null)
  store i64 0, ptr @started
  store i64 0, ptr @sleeping
  store i64 0, ptr @active
  store i64 0, ptr @open
  store atomic i64 0, ptr @busy release, align 8
  ret void
}
"""


def code(platform: Platform | None) -> str:
    """The LLVM text of the pool; without a platform, of one that always works alone."""
    if platform is None:
        return SERIAL + ALONE
    delete = "\n  ".join(
        f"call i32 @adjoint_pool_delete(ptr %all, i32 {number})" for number in platform.faults
    )
    text = SERIAL + STATE + WORK + CALL
    for word, meaning in {
        "PAUSE": platform.pause(),
        "CLOCK": str(platform.clock),
        "SET_MASK": str(platform.set_mask),
        "DELETE": delete,
    }.items():
        text = text.replace(word, meaning)
    return text
