"""One module per agent kind: how it is launched and resumed, where its evidence lies, how its dialogs are answered."""
