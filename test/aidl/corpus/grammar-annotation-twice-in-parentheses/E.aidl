@Backing(type="int", type="long") enum E { A }
