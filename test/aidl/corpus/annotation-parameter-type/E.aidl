@Backing(type=3) enum E { A }
