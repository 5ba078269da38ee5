package p; interface I { } // no line break
