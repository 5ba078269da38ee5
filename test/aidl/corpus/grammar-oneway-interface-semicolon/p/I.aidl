package p; oneway interface I;
