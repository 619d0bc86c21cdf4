"""Whether rationales teach: gains by the teacher's accuracy and by the number of judged queries."""
