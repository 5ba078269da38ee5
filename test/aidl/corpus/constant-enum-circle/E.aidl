enum E { A = B, B = A }
