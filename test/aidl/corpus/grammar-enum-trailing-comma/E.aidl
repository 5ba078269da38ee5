@Backing(type="int") enum E { A, B = 3, C, }
