union U { }
