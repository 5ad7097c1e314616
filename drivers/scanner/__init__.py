"""Barcode and RFID readers that send lines over TCP or a serial port."""
