LISTEN hotdrop
