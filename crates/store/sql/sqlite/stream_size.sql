SELECT size FROM streams WHERE stream_no = ?
