"""The two engines that turn a post into a page: Quarto itself, and the embedded one."""
