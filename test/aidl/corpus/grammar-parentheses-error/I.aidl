interface I { const int A = (); const int B = (+); }
