"""The page on which people compare, judge and promote. It reads S3 and speaks HTTP; core is all it imports."""
