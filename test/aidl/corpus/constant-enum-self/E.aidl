enum E { A = A }
