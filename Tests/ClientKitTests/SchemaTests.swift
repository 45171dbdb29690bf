import ClientKit
import Foundation
import Pipelines
import Testing

@Suite struct SchemaTests {
    @Test func `every operation has a JSON Schema that allows its own defaults`() throws {
        for operation in OperationCatalogue.all.map({ $0.description }) {
            let data = Data(operation.schema.text.utf8)
            let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(schema["title"] as? String == operation.name)
            #expect(schema["type"] as? String == "object")
            #expect(schema["keywords"] as? [String] == operation.keywords)
            #expect(schema["example_pipelines"] as? [String] == operation.examples)
            let wanted = (schema["anyOf"] as? [[String: [String]]])?.compactMap { $0["required"]?.first } ?? []
            #expect(wanted == operation.asksFor)
            let properties = try #require(schema["properties"] as? [String: [String: Any]])
            #expect(Set(properties.keys) == Set(operation.parameters.map(\.name)))
            for (name, property) in properties {
                let value = try #require(property["default"], "\(operation.name) \(name)")
                if let minimum = property["minimum"] as? Double, let maximum = property["maximum"] as? Double {
                    let number = try #require(value as? Double)
                    #expect(minimum...maximum ~= number, "\(operation.name) \(name)")
                }
                if let words = property["enum"] as? [String] { #expect(words.contains(value as? String ?? "")) }
            }
        }
    }
}
