DROP FUNCTION parlor_analyze_small_tables();
