@FixedSize union U { Tag t = Tag.x; int x; }
