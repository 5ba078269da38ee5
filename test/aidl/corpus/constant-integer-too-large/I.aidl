interface I { const long A = 9223372036854775808; }
