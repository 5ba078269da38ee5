union U { int a; enum Tag { X } }
