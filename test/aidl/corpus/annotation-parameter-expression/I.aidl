@UnsupportedAppUsage(maxTargetSdk=20 + 8, expectedSignature="a" + "b") interface I { }
