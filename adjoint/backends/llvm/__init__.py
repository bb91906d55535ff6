"""The native backend: schedules become machine code through LLVM, in this process."""
