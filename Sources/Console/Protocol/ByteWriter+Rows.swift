import ByteKit
import PostgresWire

extension ByteWriter {
    /// RowDescription of columns in text format.
    mutating func rowDescription(_ columns: [Column]) {
        let mark = begin(BackendTag.rowDescription)
        i16(Int16(clamping: columns.count))
        for column in columns {
            cString(column.name)
            u32(0)  // table
            i16(0)  // attribute
            u32(column.type.rawValue)
            i16(column.type.size)
            i32(-1)  // modifier
            i16(0)  // text
        }
        end(mark)
    }

    /// DataRow of texts and NULLs.
    mutating func dataRow(_ values: [String?]) {
        let mark = begin(BackendTag.dataRow)
        i16(Int16(clamping: values.count))
        for value in values {
            guard let value else {
                i32(-1)
                continue
            }
            i32(Int32(clamping: value.utf8.count))
            text(value)
        }
        end(mark)
    }

    /// ParameterDescription of a statement without parameters.
    mutating func noParameters() {
        let mark = begin(BackendTag.parameterDescription)
        i16(0)
        end(mark)
    }
}
