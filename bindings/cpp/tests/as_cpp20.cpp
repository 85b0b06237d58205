// Features of later standards: compiled as C++20, not run.
#include <amop.hpp>

#include <algorithm>
#include <concepts>
#include <ranges>
#include <span>
#include <string>
#include <vector>

static_assert(std::ranges::input_range<const amop::Subscription>);
static_assert(std::ranges::input_range<const amop::Service>);
static_assert(std::ranges::input_range<const amop::Events>);
static_assert(std::ranges::contiguous_range<amop::Bytes>);
static_assert(std::constructible_from<amop::Bytes, std::span<const std::byte>>);
static_assert(std::constructible_from<std::span<const std::uint8_t>, const amop::Bytes&>);
static_assert(std::constructible_from<amop::Bytes, std::u8string>);
static_assert(std::ranges::view<amop::Bytes>);
static_assert(std::ranges::borrowed_range<amop::Bytes>);
static_assert(std::convertible_to<amop::Bytes, std::span<const std::byte>>);

std::vector<std::string> first_texts(const amop::Subscription& subscription, int count);

std::vector<std::string> first_texts(const amop::Subscription& subscription, int count) {
    std::vector<std::string> texts;
    auto view =
        subscription | std::views::take(count)
        | std::views::transform([](const amop::Message& message) { return std::string(message.text()); });
    std::ranges::copy(view, std::back_inserter(texts));
    return texts;
}
