"""From the text of LLVM to machine code, and the caches of what was made."""
