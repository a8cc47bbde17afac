//! Small programs that embed LEOScope.
