"""What the kernels know about a CPU: vector registers, caches, and from when on something pays.

setup.py builds the kernels once for each level and tells the compiler which instructions the level
has; from these the table recognises it. None of it changes a result, except that VECTOR_BYTES and
PANEL_BYTES determine where a sum of more than DEEP steps is cut (gemm.pxd). Times are for one core,
in float32, on Zen 4 at level v3.
"""

cdef extern from *:
    """
    /* Registers. A tile of the matrix product (tile.pxd) sums up in TILE_SUMS of them, so that
       three are left for a row of B and one for a number of A. */
    #if defined(__AVX512F__)  /* v4 has 32 */
    #define VECTOR_BYTES 64
    #define TILE_SUMS 24
    #elif defined(__AVX2__)  /* v3 has 16 */
    #define VECTOR_BYTES 32
    #define TILE_SUMS 12
    #elif defined(__x86_64__)  /* baseline has 16: without a multiply-add, products need some too */
    #define VECTOR_BYTES 16
    #define TILE_SUMS 8
    #else  /* the baseline of AArch64 has 32 */
    #define VECTOR_BYTES 16
    #define TILE_SUMS 24
    #endif

    /* Vectors of a row of B in a tile, at most. Four, by three rows, are no faster. */
    #define WIDEST 3

    /* Bytes that a square of a transpose is wide: a vector that every level has. */
    #define SIDE_BYTES 16

    /* Squares side by side: so many sums under way. A row of 300 x 785: 24 us, by two 33, by
       eight 26. */
    #define SQUARES 4

    /* Caches: bytes of a line. */
    #define CACHE_LINE 64

    /* Bytes of a panel of B, at most: three quarters of the first-level cache, which A and C go
       through too. At 1024 x 1024 x 256, 101 GFLOP/s; 96 for 16,000, and 93 for 32,000. */
    #define PANEL_BYTES 25600

    /* Numbers of A's copy, if it is transposed: in the second-level cache beside a panel. At 784 x
       512 x 128, 99 GFLOP/s; 94 for half as many, and 102 for twice as many, whose float64 would
       fill 512 KB. */
    #define SLAB_NUMBERS 32768

    /* Rows of A that one copy of B serves. A is read in order and comes in time, so that they need
       no room in the second-level cache; to copy B more often takes longer. */
    #define BLOCK_ROWS 516

    /* Elements that a call of a pointwise kernel works on. For fewer, the call itself would take a
       part of the time that shows; of more, a small array would be too few pieces for threads. */
    #define PIECE 4096

    /* What repays. Rows of A from which on B is copied, if it is wider than a panel: five of 784 x
       128 take 15 to 21 us as B lies in memory, by where it begins, and 23 by panels; seven take 20
       to 28, and 27. */
    #define FEW_ROWS 6

    /* Steps from which on C is kept in registers: with a single one, to write C is all the work.
       128 x 1 x 128: 2.4 us as it lies, 3.2 by tiles; of two steps 3.5 and 3.2. */
    #define FEW_STEPS 2

    /* Columns whose sums are made beside C, where a sum is cut: C stays in the first-level cache.
       One row of 4096 x 1000: 320 us; 360 for 128, and 310 for 512. */
    #define STREAMED 256

    /* Steps from which on a copy of A transposed repays. At 64 it costs 5 %; at 512 x 1200 x 1200
       it makes 0.55 of the peak of 0.33. */
    #define COPY_DEPTH 100

    /* What it costs to read a number of A, and to copy one of B, in multiply-adds. */
    #define COPY_A 1
    #define COPY_B 4
    """
    enum:
        VECTOR_BYTES, TILE_SUMS, WIDEST, SIDE_BYTES, SQUARES
        CACHE_LINE, PANEL_BYTES, SLAB_NUMBERS, BLOCK_ROWS, PIECE
        FEW_ROWS, FEW_STEPS, STREAMED, COPY_DEPTH, COPY_A, COPY_B
