@Backing(type="int") enum E { A = 1, B = E.A + 1 }
