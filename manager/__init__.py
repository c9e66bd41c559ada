"""The load manager: reads boxes and meters over Modbus and shares the house connection among the cars."""
