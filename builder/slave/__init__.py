"""The slave: carries out attempts in runner processes of their own and reports them to the master."""
