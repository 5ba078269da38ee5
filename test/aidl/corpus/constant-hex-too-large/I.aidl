interface I { const long A = 0x10000000000000000; }
