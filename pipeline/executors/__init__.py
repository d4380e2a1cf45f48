"""Where stages run: in this process (`serial`), or in processes of this machine (`local`)."""
