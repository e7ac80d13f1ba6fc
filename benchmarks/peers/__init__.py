"""The contenders, a file for each library, each written as its users would at their best."""
