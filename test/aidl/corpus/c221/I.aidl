interface I {
  const int A = 0xF;
  const long B = (1 << 0xFu32) << 10;
  const long C = (1 << 0x1FFFFFFFFl * 0 + 15) << 19;
  const long D = (1 << 15u64) << 19;
  const long E = 0x1FFFFFFFFu32;
  const long F = 0xFFFFFFFFu64;
  const long G = (1 << 0xFu64) << 19;
}
