"""What is behind `JWTAuth`: one request for a token, and the token that everybody shares."""
