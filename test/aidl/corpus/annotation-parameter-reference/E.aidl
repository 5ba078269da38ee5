@Backing(type=E.A) enum E { A }
