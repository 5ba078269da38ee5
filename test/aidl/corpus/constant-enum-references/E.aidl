@Backing(type="int") enum E { A = B, B = C + 1, C = 3, D }
